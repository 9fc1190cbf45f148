package dcat

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
)

// Agreement is a contract's terms as an odrl:Agreement: the dataset's policy, narrowed
// to what was granted.
func Agreement(cluster catalog.Cluster, k catalog.Contract, d catalog.Dataset, buyer, publisher string) ([]byte, error) {
	b := builder{base: base(cluster)}
	id := b.at("v1", "contracts", k.ID) + "/odrl"
	o := object{
		"@context": context(), "@id": id, "@type": "odrl:Agreement", "odrl:uid": ref(id), "odrl:profile": ref(vocabulary),
		"odrl:assigner":    object{"@id": "urn:weir:principal:" + k.Publisher, "@type": "odrl:Party", "foaf:name": publisher},
		"odrl:assignee":    object{"@id": "urn:weir:principal:" + k.Buyer, "@type": "odrl:Party", "foaf:name": buyer},
		"odrl:prohibition": b.extract(d),
		"weir:state":       string(k.State), "weir:queriesUsed": k.Used, "dct:issued": instant(k.From),
	}
	constraints, properties := policy(granted(d.Descriptor, k))
	if d.Descriptor.Policy.Public && k.MinCohort > 0 { // elsewhere it takes the policy's place
		constraints = append(constraints, constraint("weir:minCohort", "odrl:gteq", typed(fmt.Sprint(k.MinCohort), "xsd:integer")))
	}
	o["odrl:permission"] = []any{b.aggregate(d, append(constraints, terms(k)...), k.Price)}
	maps.Copy(o, properties)
	return json.Marshal(o)
}

// granted is a descriptor with what a contract grants of its policy.
func granted(d catalog.Descriptor, k catalog.Contract) catalog.Descriptor {
	d.Policy.Aggregates = k.Aggregates
	d.Policy.MinCohort = max(d.Policy.MinCohort, k.MinCohort)
	if d.Policy.DP != nil && k.Epsilon != "" {
		dp := *d.Policy.DP
		dp.EpsilonPerContract = k.Epsilon
		d.Policy.DP = &dp
	}
	return d
}

// offer is a dataset's policy: what anyone may order.
func (b builder) offer(l Listing) object {
	d, id := l.Dataset.Descriptor, b.iri(l.Dataset.ID)+"#policy"
	constraints, o := policy(d)
	maps.Copy(o, object{
		"@id": id, "@type": "odrl:Offer", "odrl:uid": ref(id), "odrl:profile": ref(vocabulary),
		"odrl:assigner":   ref("urn:weir:principal:" + l.Dataset.Owner),
		"odrl:permission": []any{b.aggregate(l.Dataset, constraints, d.Price)}, "odrl:prohibition": b.extract(l.Dataset),
	})
	return o
}

// policy writes what explain says of a policy: the constraints of its permission, and
// the properties of the policy itself.
func policy(d catalog.Descriptor) (constraints []any, properties object) {
	properties = object{}
	for _, t := range explain.ODRL(d) {
		if t.Operator == "" {
			properties[t.Name] = operand(t)
			continue
		}
		constraints = append(constraints, constraint(t.Name, t.Operator, operand(t)))
	}
	return constraints, properties
}

func operand(t catalog.Term) any {
	switch {
	case t.List != nil:
		return list(t.List)
	case t.Lists != nil:
		all := make([]any, len(t.Lists))
		for i, l := range t.Lists {
			all[i] = list(l)
		}
		return object{"@list": all}
	case t.Type != "":
		return typed(t.Value, t.Type)
	}
	return t.Value
}

// aggregate permits aggregate queries, at a price. The action is weir's own,
// because none of ODRL's means to learn a figure and not the data.
func (b builder) aggregate(d catalog.Dataset, constraints []any, price *catalog.Price) object {
	o := object{
		"odrl:target":     ref(b.iri(d.ID)),
		"odrl:action":     object{"@id": "weir:aggregate", "odrl:includedIn": ref("odrl:use")},
		"odrl:constraint": constraints,
	}
	if price != nil {
		o["odrl:duty"] = object{
			"odrl:action":     object{"@id": "odrl:compensate"},
			"odrl:constraint": money("odrl:eq", price.PerQuery, price.Currency),
		}
	}
	return o
}

// extract prohibits what the encryption makes impossible: taking readings out.
func (b builder) extract(d catalog.Dataset) object {
	return object{"odrl:target": ref(b.iri(d.ID)), "odrl:action": ref("odrl:extract")}
}

// terms are the constraints of a contract.
func terms(k catalog.Contract) []any {
	out := []any{
		constraint("odrl:dateTime", "odrl:gteq", instant(k.From)),
		constraint("odrl:dateTime", "odrl:lt", instant(k.Until)),
		constraint("weir:measure", "odrl:isAnyOf", list(k.Measures)),
	}
	if k.Purpose != "" {
		out = append(out, constraint("odrl:purpose", "odrl:eq", k.Purpose))
	}
	if k.Queries > 0 {
		out = append(out, constraint("odrl:count", "odrl:lteq", typed(fmt.Sprint(k.Queries), "xsd:integer")))
	}
	if k.Budget != "" && k.Price != nil {
		out = append(out, money("odrl:lteq", k.Budget, k.Price.Currency))
	}
	if s := k.Scope; s != nil {
		out = append(out, constraint("weir:column", "odrl:isAnyOf", list(s.Columns)))
		if s.Grain != "" {
			out = append(out, constraint("odrl:timeInterval", "odrl:gteq", typed(s.Grain.Duration(), "xsd:duration")))
		}
	}
	return out
}

func constraint(left, operator string, right any) object {
	return object{"@type": "odrl:Constraint", "odrl:leftOperand": ref(left), "odrl:operator": ref(operator), "odrl:rightOperand": right}
}

// money names the currency by its ISO 4217 code, as Wikidata and schema.org do.
func money(operator, amount, currency string) object {
	c := constraint("odrl:payAmount", operator, typed(amount, "xsd:decimal"))
	c["odrl:unit"], c["schema:currency"] = ref("urn:iso:std:iso:4217:"+currency), currency
	return c
}

// list keeps an empty list of operands apart from none: nothing is allowed.
func list(values []string) object { return object{"@list": append([]string{}, values...)} }
