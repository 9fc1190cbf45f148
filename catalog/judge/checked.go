package judge

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/checked"
)

// checkVerified refuses checked answers of what is argued for one set of nodes an attempt alone
// (PROTOCOL.md section 3.7).
func checkVerified(q catalog.Request) *catalog.Refusal {
	switch {
	case !q.Verify:
		return nil
	case q.Noise != nil:
		return catalog.Refuse(catalog.RefusedPolicy, "verify_noise", "verify.noise").WithField("verify")
	case len(q.Vectors()) > 0:
		return catalog.Refuse(catalog.RefusedPolicy, "verify_private", "verify.private").WithField("verify")
	case q.Join != nil:
		return catalog.Refuse(catalog.RefusedPolicy, "verify_product", "verify.product").WithField("verify")
	}
	return nil
}

// Check is how a checked answer is opened at most: by so many members, under all Sets of SetOf of them.
type Check struct{ Members, SetOf, Sets int }

// levelChecked is the feature level that checked answers came with.
const levelChecked = 5

// checkMembers refuses a checked answer that too few nodes could give, or whose sealed shares, one for every
// set that a member is in, do not fit an entry. Below its feature level a preview alone gets here: the ledger
// cannot read what asks for one.
func (j *Judgement) checkMembers(q catalog.Request, roster catalog.KeyRoster) error {
	if !q.Verify {
		return nil
	}
	cluster, err := j.cache.Cluster(j.r)
	if err != nil {
		return err
	}
	if level := cluster.FeatureLevel(); level < levelChecked {
		return catalog.Refuse(catalog.RefusedPolicy, "verify_level", "verify.level", levelChecked, level).WithField("verify")
	}
	if !AnyEncrypted(j.Verdict.Columns) {
		return nil // counts are public: nothing is opened
	}
	members := checked.Members(len(roster.Nodes), roster.Threshold)
	if members == 0 {
		return catalog.Refuse(catalog.RefusedPolicy, "verify_nodes", "verify.nodes", roster.Threshold, len(roster.Nodes), roster.Threshold+1).WithField("verify")
	}
	j.check = Check{members, roster.Threshold, checked.Count(members, roster.Threshold)}
	numbers := len(j.Verdict.EntityGroups) * len(j.Verdict.PeriodGroups)
	if r := checkShares(numbers, len(j.Verdict.Columns), checked.CountOf(members, roster.Threshold)); r != nil {
		return r
	}
	return nil
}

// checkShares refuses so many groups and columns whose shares of so many sets do not fit an entry together.
func checkShares(groups, columns, sets int) *catalog.Refusal {
	sealed := sets * catalog.MaxSealed(groups, columns)
	if sealed/3*4+catalog.SealedOverhead <= catalog.MaxEnvelope {
		return nil
	}
	return catalog.Refuse(catalog.RefusedPolicy, "verify_share", "verify.share", groups, columns, sealed).
		WithField("verify").WithNumber("groups", int64(groups)).WithNumber("bytes", int64(sealed))
}
