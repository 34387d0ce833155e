"""The judge: small networks, trained on rendered pictures only, that say what a picture shows."""
