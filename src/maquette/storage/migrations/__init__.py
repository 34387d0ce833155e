"""How a project's records came to their present shape, one revision a file in ``versions``.

There is no ``alembic.ini``: ``maquette.storage.migrate`` configures Alembic. A revision runs in
one transaction with foreign keys off (they are checked before the commit), states its tables by
itself (never by importing ``tables``, which goes on changing), and adds the append-only triggers
for every table of facts that it makes.
"""
