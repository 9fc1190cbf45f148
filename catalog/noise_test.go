package catalog

import "testing"

var testDP = DP{EpsilonPerQuery: "0.5", EpsilonPerContract: "1.2", EpsilonFamily: "2", Delta: "1e-6"}

func TestPoliciesWriteEpsilonWithoutExponent(t *testing.T) {
	for _, set := range []func(*DP){
		func(p *DP) { p.EpsilonPerQuery = "5e-1" },
		func(p *DP) { p.EpsilonPerContract = "1e1" },
		func(p *DP) { p.EpsilonFamily = "1e2" },
	} {
		d, dp := testDescriptor("x"), testDP
		set(&dp)
		d.Policy.DP = &dp
		if r := d.Check(); r == nil {
			t.Errorf("accepted %+v", dp)
		}
	}
}
