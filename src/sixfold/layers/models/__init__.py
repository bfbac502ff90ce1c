"""Layer 2 of 6: model invocation.

The model cloud: providers, a relay, a command or a cassette behind one port, each role routed to a model. Around every
call: redaction, cassette, budget, retries and the account of it. `routing.open_cloud` builds it; nothing heavy is
imported before the first call.
"""
