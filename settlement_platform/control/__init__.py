"""Control: facts, policies and decisions, as pure functions of facts, a policy and `now`."""
