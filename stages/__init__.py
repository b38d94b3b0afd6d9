"""One module per DVC stage: reads params and inputs, calls sales/, writes outputs.

What a stage makes it keeps: objects by the hundred thousand while the libraries are imported, none
of them garbage. The collector's search among them took a second of register's eight.
"""

import gc

gc.set_threshold(100_000)
