"""How the weights came about: data from simulation, training, and the card that goes with them."""
