"""The vocabulary: frozen data, events, ports, errors. No input or output happens here."""
