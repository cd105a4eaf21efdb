package main

import "slices"

// scenarios is all that is measured.
func scenarios() []scenario {
	return slices.Concat(
		fanOutScenarios(),
		[]scenario{pacedScenario(), indexedScenario(), stalledScenario(), floodScenario()},
		ingestScenarios(),
		[]scenario{webhookScenario()},
		unaryScenarios(),
		[]scenario{idleScenario()},
		readBackScenarios(),
	)
}
