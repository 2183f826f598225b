"""Everything on one machine (`tocsin up`): servers, ports, secrets and processes, in one data folder."""
