"""Who is asking: logins, invitations, device tokens, stream keys and what each may do."""
