"""Pages from allowed hosts on the public network, as text."""
