"""The waist: frozen values that everything is translated into and out of. No I/O, no clock, no behaviour."""
