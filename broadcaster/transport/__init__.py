"""One UDP port: ICE-lite, DTLS, SRTP and SDP; the only door to aiortc, aioice and pylibsrtp."""
