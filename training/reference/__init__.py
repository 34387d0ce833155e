"""References: an IP-Adapter that carries style and character from one picture to another."""
