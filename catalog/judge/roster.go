package judge

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
)

// RosterOf is among whom all that a verdict is computed from is shared: its private vectors
// and, where readings are opened, the keys of its versions. It is refused where these are
// shared among different nodes: their shares cannot be computed with together. Where nothing
// is shared it is the cluster's roster.
func RosterOf(c *records.Cache, r records.Reader, verdict catalog.Verdict) (catalog.KeyRoster, error) {
	cluster, err := c.Cluster(r)
	if err != nil {
		return catalog.KeyRoster{}, err
	}
	var vector *catalog.Vector
	for _, u := range verdict.Vectors {
		if u.ID == catalog.NewVector {
			continue
		}
		x, err := c.Vector(r, u.ID)
		if err != nil {
			return catalog.KeyRoster{}, err
		}
		if vector == nil {
			vector = &x
		} else if !vectorRoster(x).Equal(vectorRoster(*vector)) {
			return catalog.KeyRoster{}, catalog.Conflict("rosters", "roster.vectors", x.Name, x.InForce().Nodes, vector.Name, vector.InForce().Nodes)
		}
	}
	var key *catalog.Key
	if AnyEncrypted(verdict.Columns) {
		for _, at := range verdict.Versions() {
			v, err := c.Version(r, at)
			if err != nil {
				return catalog.KeyRoster{}, err
			}
			k, err := c.Key(r, v.Key)
			if err != nil {
				return catalog.KeyRoster{}, err
			}
			if key == nil {
				key = &k
			} else if !k.Roster().Equal(key.Roster()) {
				return catalog.KeyRoster{}, apart(cluster.Roster(), *key, k)
			}
		}
	}
	switch {
	case vector != nil && key != nil && !vectorRoster(*vector).Equal(key.Roster()):
		return catalog.KeyRoster{}, catalog.Conflict("rosters", "roster.vector", vector.Name, vector.InForce().Nodes, key.Publisher, key.Nodes)
	case key != nil:
		return key.Roster(), nil
	case vector != nil:
		return vectorRoster(*vector), nil
	}
	return cluster.Roster(), nil
}

func vectorRoster(v catalog.Vector) catalog.KeyRoster { return v.InForce().Roster() }

// apart refuses two keys that are not shared among the same nodes, and says whose has not moved to
// the roster as it is now.
func apart(now catalog.KeyRoster, a, b catalog.Key) *catalog.Refusal {
	if a.Roster().Equal(now) {
		a, b = b, a
	}
	return catalog.Conflict("rosters", "roster.keys", a.Publisher, a.Nodes, b.Publisher, b.Nodes).WithFix("fix.key_move", a.Publisher)
}
