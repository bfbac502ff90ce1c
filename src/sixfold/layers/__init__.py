"""The six layers of the paper: kinds of work. They never import each other; what they need comes as an argument."""
