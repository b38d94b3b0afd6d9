"""One module per DVC stage: reads params and inputs, calls sales/, writes outputs."""
