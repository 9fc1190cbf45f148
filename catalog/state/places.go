package state

import (
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/judge"
	"github.com/weirdata/weir/catalog/records"
)

// grantPortfolio takes the places of a contract that is approved with a portfolio.
func grantPortfolio(c *applyContext, k catalog.Contract, d catalog.Dataset) error {
	if !k.Portfolio {
		return nil
	}
	for _, m := range k.Measures {
		held, err := records.Holders(c.tx, c.now, d.ID, m)
		if err != nil {
			return err
		}
		if others := records.Owners(slices.DeleteFunc(slices.Clone(held), func(h records.Holder) bool { return h.Owner == k.Buyer })); len(others) >= d.Descriptor.Policy.Owners() {
			return catalog.Refuse(catalog.RefusedPolicy, "portfolio_places", "order.portfolio_places", d.Descriptor.Policy.Owners(), m).
				WithNumber("places", int64(d.Descriptor.Policy.Owners())).WithNumber("left", 0)
		}
		if err := records.Put(c.tx, records.HoldersKey(d.ID, m), append(held, records.Holder{Owner: k.Buyer, Contract: k.ID})); err != nil {
			return err
		}
	}
	return nil
}

// takePlaces notes that a query was accepted on its places.
func takePlaces(c *applyContext, q catalog.Query, d catalog.Dataset, v catalog.Verdict) error {
	t := judge.ClaimedPlaces(d, q.Principal, v)
	fresh := 0
	err := eachPlace(c, d.ID, t, func(list []records.Place) []records.Place {
		i := slices.IndexFunc(list, func(x records.Place) bool { return x.Owner == q.Principal })
		if i < 0 {
			i = len(list)
			list = append(list, records.Place{Owner: q.Principal, Commitment: t.Commitment})
			fresh++
		}
		list[i].Asked = append(list[i].Asked, q.ID)
		return list
	})
	if err != nil {
		return err
	}
	return bind(c, d, q.Principal, t.Commitment, fresh)
}

// leavePlaces notes that a query is over. Only a failed test gives back what no other
// query has of the list.
func leavePlaces(c *applyContext, q catalog.Query, d catalog.Dataset, undo bool) error {
	v, err := records.Find[catalog.Verdict](c.tx, records.PrefixVerdict+q.ID)
	if err != nil {
		return err
	}
	t := judge.ClaimedPlaces(d, q.Principal, v)
	gone := 0
	err = eachPlace(c, d.ID, t, func(list []records.Place) []records.Place {
		i := slices.IndexFunc(list, func(x records.Place) bool { return x.Owner == q.Principal && slices.Contains(x.Asked, q.ID) })
		if i < 0 {
			return list
		}
		x := &list[i]
		x.Asked = slices.DeleteFunc(x.Asked, func(id string) bool { return id == q.ID })
		if !undo {
			x.Kept = true
		}
		if !x.Kept && len(x.Asked) == 0 {
			gone++
			return slices.Delete(list, i, i+1)
		}
		return list
	})
	if err != nil {
		return err
	}
	return bind(c, d, q.Principal, t.Commitment, -gone)
}

// eachPlace changes the places of periods of measures.
func eachPlace(c *applyContext, dataset string, t judge.PlaceClaim, change func([]records.Place) []records.Place) error {
	for _, m := range t.Measures {
		for _, period := range t.Periods {
			list, err := records.PlacesAt(c.tx, dataset, m, period)
			if err != nil {
				return err
			}
			key := records.PlaceKey(dataset, m, period)
			if list = change(list); len(list) == 0 {
				err = records.Remove(c.tx, key)
			} else {
				err = records.Put(c.tx, key, list)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// bind counts the places that an owner has in a family by its first list.
func bind(c *applyContext, d catalog.Dataset, owner string, commitment catalog.Digest, more int) error {
	key := records.PlaceBindingKey(d, owner)
	b, known, err := records.Lookup[records.PlaceBinding](c.tx, key)
	if err != nil || more == 0 {
		return err
	}
	if !known {
		b.Commitment = commitment
	}
	if b.Places += more; b.Places <= 0 {
		return records.Remove(c.tx, key)
	}
	return records.Put(c.tx, key, b)
}
