package judge

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/recovery"
)

// usable refuses what a contract no longer allows whatever is asked.
func usable(k catalog.Contract, now int64) *catalog.Refusal {
	switch {
	case k.State == catalog.ContractRevoked:
		code := "contract.revoked"
		if k.Reason != "" {
			code = "contract.revoked_because"
		}
		return catalog.Refuse(catalog.RefusedPolicy, "contract_revoked", code, k.ID, k.Dataset, k.Reason)
	case k.State == catalog.ContractSuspended:
		code := "contract.suspended"
		if k.Reason != "" {
			code = "contract.suspended_because"
		}
		return catalog.Refuse(catalog.RefusedPolicy, "contract_suspended", code, k.ID, k.Reason).
			WithFixes(catalog.Why("fix.resume"), left(k))
	case now >= k.Until:
		return catalog.Refuse(catalog.RefusedPolicy, "contract_expired", "contract.expired", k.ID, calendar.Hour.Format(k.Until/3600_000), k.Dataset).
			WithNumber("until", k.Until).WithNumber("now", now)
	}
	return nil
}

// left is what a contract still has.
func left(k catalog.Contract) catalog.Reason {
	n, limited := k.QueriesLeft()
	money, priced := k.BudgetLeft()
	switch {
	case limited && priced:
		return catalog.Why("fix.left_queries_budget", n, k.Queries, money, k.Budget, k.Currency())
	case limited:
		return catalog.Why("fix.left_queries", n, k.Queries)
	case priced:
		return catalog.Why("fix.left_budget", money, k.Budget, k.Currency())
	}
	return catalog.Why("fix.left_any")
}

// charge takes one query from the contract, or refuses with what is left and
// what would pass. A repeat of a released query takes the price alone.
func charge(k catalog.Contract, repeat bool) (catalog.Contract, *catalog.Refusal) {
	if n, limited := k.QueriesLeft(); limited && n == 0 && !repeat {
		return k, catalog.Refuse(catalog.RefusedPolicy, "contract_exhausted", "contract.exhausted", k.Queries, k.ID, k.Dataset).
			WithNumber("queries", int64(k.Queries)).WithNumber("used", int64(k.Used)).WithNumber("left", 0)
	}
	price := k.QueryPrice()
	if left, limited := k.BudgetLeft(); limited && decimal.Amount(left).Cmp(decimal.Amount(price)) < 0 {
		r := catalog.Refuse(catalog.RefusedPolicy, "contract_budget", "contract.budget", price, k.Currency(), k.ID, left, k.Budget, k.Dataset)
		r.Numbers = append(r.Numbers, catalog.Number{Name: "budget", Value: k.Budget}, catalog.Number{Name: "spent", Value: k.Spent}, catalog.Number{Name: "left", Value: left}, catalog.Number{Name: "price", Value: price})
		return k, r
	}
	if !repeat {
		k.Used++
	}
	if price != "" {
		k.Spent = decimal.AddAmounts(k.Spent, price)
	}
	return k, nil
}

// WithdrawnDataset refuses what is asked of a dataset that is withdrawn.
func WithdrawnDataset(d catalog.Dataset) *catalog.Refusal {
	if d.Withdrawn == nil {
		return nil
	}
	return catalog.Refuse(catalog.RefusedPolicy, "withdrawn", "withdrawn.dataset", d.ID, calendar.LastDay(d.Withdrawn.At+1), d.Withdrawn.Reason).
		WithNumber("withdrawn", d.Withdrawn.At)
}

// closedDataset refuses what is asked of a dataset that a restore closed.
func closedDataset(d catalog.Dataset) *catalog.Refusal {
	if d.Closed == 0 {
		return nil
	}
	return catalog.Refuse(catalog.RefusedPolicy, "restored", "restore.closed", d.ID)
}

// waiting refuses queries to a restored cluster that does not know yet how much it has lost.
func waiting(r records.Reader) error {
	restored, known, err := records.Lookup[recovery.Restored](r, records.KeyRestore)
	if err == nil && known && !restored.Open {
		err = catalog.Conflict("restoring", "restore.waiting", restored.Order.Size, restored.Seen)
	}
	return err
}

// WithdrawnVersion refuses what is asked of a version that is withdrawn.
func WithdrawnVersion(d catalog.Dataset, v catalog.Version) *catalog.Refusal {
	if v.Withdrawn == nil {
		return nil
	}
	r := catalog.Refuse(catalog.RefusedPolicy, "withdrawn", "withdrawn.version", v.Version, d.ID, calendar.LastDay(v.Withdrawn.At+1), v.Withdrawn.Reason).
		WithNumber("withdrawn", v.Withdrawn.At).WithField("release")
	if d.Live > 0 {
		return r.WithFix("fix.leave_version_out", d.Live)
	}
	return r.WithFix("fix.other_version")
}

// mostLooked bounds the versions that are looked at for the oldest one that can be asked.
const mostLooked = 64

// expired refuses what is asked of a version that is not kept any more, and names the oldest that is. A run of
// more than a few that were withdrawn is not gone through for it: the newest can be asked, too.
func expired(r records.Reader, d catalog.Dataset, v catalog.Version) error {
	no := catalog.Refuse(catalog.RefusedPolicy, "expired", "version.expired", v.Version, d.ID, calendar.LastDay(v.Expired+1)).
		WithNumber("expired", v.Expired).WithField("release")
	if d.Live == 0 {
		return no.WithFix("fix.other_version")
	}
	for oldest := d.Kept; oldest < min(d.Live, d.Kept+mostLooked); oldest++ {
		x, err := records.Find[catalog.Version](r, records.PrefixVersion+records.VersionName(d.ID, oldest))
		if err != nil {
			return err
		}
		if x.State == catalog.VersionLive && x.Withdrawn == nil {
			return no.WithNumber("oldest", int64(oldest)).WithFix("fix.oldest_version", oldest)
		}
	}
	return no.WithNumber("oldest", int64(d.Live)).WithFix("fix.oldest_version", d.Live)
}

// RuleKeyWorn is a conflict that does not pass (PROTOCOL.md section 7.2).
const RuleKeyWorn = "key_worn"

// Wear refuses to open so many tiles more than the key can bear.
func Wear(k catalog.Key, tiles int64) *catalog.Refusal {
	if k.Opened+tiles <= catalog.MaxOpened {
		return nil
	}
	return catalog.Conflict(RuleKeyWorn, "key.worn", k.ID, k.Opened, int64(catalog.MaxOpened)).WithNumber("opened", k.Opened)
}
