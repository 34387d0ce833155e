"""How the shipped model Postcard is made: its world, data, training and figures."""
