"""What nodes share: null twin for one node."""
