"""The gateway under mixed traffic and faults, for as long as one likes: what grows, and what is answered wrongly."""
