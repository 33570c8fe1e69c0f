"""`firsttoken demo`: a look-alike of the API, sample applications with planted faults, and what runs them."""
