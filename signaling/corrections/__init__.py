"""What is put right afterwards: corrections with two people's consent, faults that excuse, terms that are closed."""
