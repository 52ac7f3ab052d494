"""The media plane: packets, ICE, DTLS and SRTP, publications, subscriptions, fan-out."""
