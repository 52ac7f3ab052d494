"""What every school, teacher, class and household owes in a term, and how much of it is done."""
