"""Packet formats of RTP and RTCP: pure functions over bytes, no clock and no socket."""
