"""The studio's HTTP face: ``maquette.server.app.create_app`` makes it. Nothing is imported here."""
