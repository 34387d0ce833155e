"""The network that enlarges four times: its training and its figures. See maquette.engines.compact
for the network itself."""
