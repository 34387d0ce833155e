"""What a scene shows, in words that a judge can check: the contract of the drawn world.

`render(seed).facts` is a `Facts`. Everything a caption may say of a picture stands here, and
nothing else: names are the words of the captions, empty strings mean 'not said, not shown'.

Coordinates are pixels of the 256x256 picture, x to the right, y down.
"""

from __future__ import annotations

from dataclasses import dataclass, field

STYLES = ("flat", "watercolour", "ink", "pixel", "dusk")
TIMES = ("day", "sunset", "dawn", "night")
OUTDOOR_PLACES = ("forest", "mountains", "sea", "desert", "city", "hills")
INDOOR_PLACES = ("backdrop", "kitchen", "window")
POSITIONS = ("left", "centre", "right")
SIZES = ("big", "", "small")
PATTERNS = ("striped", "dotted", "checked")
LOGOS = ("star", "heart", "circle", "bolt")
POSES = ("standing", "sitting", "waving", "running", "jumping")
GARMENTS = ("scarf", "hat", "shirt")
#: Kinds of the posable mascot. Each is a noun of its own; 'mascot' in a caption speaks of it too.
SPECIES = ("cat", "fox", "bear", "rabbit")

#: Every noun that can have a mask, in the order of the bits of packed masks (at most 63).
#: 'tshirt' is written 't-shirt' in captions; 'orange' is the fruit; 'star' is the logo and
#: 'stars' are those of the sky; 'shirt' is what a mascot wears.
NOUNS = (
    *("sky", "moon", "sun", "stars", "mist", "clouds"),
    *("forest", "mountains", "sea", "desert", "city", "hills", "ground"),
    *("table", "backdrop", "kitchen", "window", "wall"),
    *("wolf", "cat", "fox", "bear", "rabbit", "tree", "house", "boat", "balloon"),
    *("mug", "bottle", "vase", "lamp", "book", "sneaker", "tshirt", "bag"),
    *("apple", "pear", "lemon", "orange"),
    *("scarf", "hat", "shirt"),
    *("star", "heart", "circle", "bolt"),
)

#: Pairs that no training picture shows, so that unseen combinations of seen words can be judged.
UNSEEN_COLOURS = frozenset(
    (
        ("mug", "purple"),
        ("bottle", "orange"),
        ("vase", "teal"),
        ("lamp", "pink"),
        ("book", "yellow"),
        ("sneaker", "green"),
        ("tshirt", "purple"),
        ("bag", "blue"),
        ("boat", "green"),
        ("balloon", "pink"),
        ("house", "teal"),
        ("fox", "white"),
        ("bear", "black"),
        ("scarf", "purple"),
        ("hat", "green"),
        ("shirt", "orange"),
    )
)
UNSEEN_PLACES = frozenset(
    (
        ("wolf", "city"),
        ("cat", "desert"),
        ("fox", "city"),
        ("bear", "desert"),
        ("rabbit", "mountains"),
        ("house", "desert"),
        ("balloon", "city"),
        ("bag", "kitchen"),
        ("lamp", "kitchen"),
        ("sneaker", "window"),
    )
)

Box = tuple[float, float, float, float]
Skeleton = dict[str, tuple[float, float, bool]]
"""Joint name (see `maquette.core.figure.JOINTS`) to (x, y, visible). Left and right are the
figure's own. A paw hidden behind the body keeps its place and is marked as not visible."""


@dataclass
class Thing:
    """One kind of object, `count` of them alike.

    noun: one of NOUNS. colour: a name of `palette.COLOURS`, true of the larger part of it ('' for
    a lemon or an orange). position: where its centre is, by thirds ('' when there are several).
    size: 'big', '' or 'small'. pattern: on t-shirts, bags, mugs, balloons. logo, logo_colour: a
    plain sign on a mug, t-shirt, bag or bottle. pose, garment, garment_colour: of SPECIES only.
    boxes: (left, top, right, bottom) of each copy as drawn, which others may hide.
    skeletons: one for each copy of a figure, else empty.
    """

    noun: str
    colour: str
    position: str = "centre"
    size: str = ""
    count: int = 1
    pattern: str = ""
    logo: str = ""
    logo_colour: str = ""
    pose: str = ""
    garment: str = ""
    garment_colour: str = ""
    boxes: list[Box] = field(default_factory=list)
    skeletons: list[Skeleton] = field(default_factory=list)


@dataclass
class Facts:
    """What a scene shows, as its captions may say it.

    style: one of STYLES. outdoor: landscape, or a still life or product shot.
    time: one of TIMES ('' indoors). place: one of OUTDOOR_PLACES or INDOOR_PLACES.
    light, light_size, light_position: sun or moon ('' for none); indoors light_position is where
    the window is. stars, mist, clouds: shown or not (outdoors).
    surface: 'wooden' or 'marble' table, '' for a studio sweep without a table (indoors).
    wall: colour of wall or backdrop (indoors). lighting: 'soft', 'hard' or '' (indoors).
    things: front objects; two things stand left and right.
    """

    style: str = "flat"
    outdoor: bool = True
    time: str = ""
    place: str = ""
    light: str = ""
    light_size: str = ""
    light_position: str = ""
    stars: bool = False
    mist: bool = False
    clouds: bool = False
    surface: str = ""
    wall: str = ""
    lighting: str = ""
    things: list[Thing] = field(default_factory=list)


def unseen(facts: Facts) -> list[tuple[str, str]]:
    """The reserved (noun, colour or place) pairs that a scene shows; training shows none."""
    found = []
    for thing in facts.things:
        pairs = ((thing.noun, thing.colour), (thing.garment, thing.garment_colour))
        found += [pair for pair in pairs if pair in UNSEEN_COLOURS]
        if (thing.noun, facts.place) in UNSEEN_PLACES:
            found.append((thing.noun, facts.place))
    return found
