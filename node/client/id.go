package client

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
)

// Rules of the refusals that ID meets.
const (
	RuleIDForm      = "id_form"
	RuleIDUnknown   = "unknown"
	RuleIDAmbiguous = "id_ambiguous"
)

// kind is what a letter of ids names, and where its ids are seen.
type kind struct{ one, name, seen string }

var kinds = map[string]kind{
	catalog.LetterOrder:     {"an order", "order", "see `weir order list`"},
	catalog.LetterContract:  {"a contract", "contract", "see `weir contract list`"},
	catalog.LetterQuery:     {"a query", "query", "the id stands below each answer, and in `weir contract statement`"},
	catalog.LetterVector:    {"a private vector", "private vector", "see `weir portfolio list`"},
	catalog.LetterPrincipal: {"a principal", "principal", "see `weir principal list`"},
}

// notOne is the refusal of what is not the beginning of an id of that letter.
func notOne(letter, typed string) error {
	r := catalog.Refuse(catalog.RefusedInvalid, RuleIDForm, "id.form", typed, kinds[letter].one).
		WithFix("fix.id_form", letter, catalog.IDDigits, kinds[letter].seen)
	other := typed[:min(len(letter), len(typed))]
	if k, known := kinds[other]; known && other != letter {
		return r.WithFix("fix.id_other", k.one, kinds[letter].seen)
	}
	return r
}

// ID is the whole id of what a person named by the beginning of its id, among what the
// caller may see: of a letter of package catalog, and with catalog.IDDigits digits or
// more. A whole id is returned as it is, whether there is such a thing or not. Its
// errors are refusals that say what would be right.
func (c *Client) ID(ctx context.Context, letter, typed string) (string, error) {
	what := kinds[letter].name
	switch {
	case catalog.IsID(letter, typed), letter == catalog.LetterContract && strings.HasPrefix(typed, catalog.OwnContractID("")):
		return typed, nil
	case !catalog.IsIDBeginning(letter, typed):
		return "", notOne(letter, typed)
	}
	found, err := Get[wire.IDs](ctx, c, Call{Path: "/v1/ids/" + url.PathEscape(typed), Token: true})
	if err != nil {
		return "", fmt.Errorf("look for the %s %s: %w", what, typed, err)
	}
	for _, id := range found.IDs {
		if !catalog.IsID(letter, id) || !strings.HasPrefix(id, typed) {
			return "", fmt.Errorf("%w: the node says that %.80q begins with %s", ErrPinned, id, typed)
		}
	}
	switch len(found.IDs) {
	case 0:
		return "", catalog.Refuse(catalog.RefusedUnknown, RuleIDUnknown, "id.unknown", what, typed, kinds[letter].seen)
	case 1:
		return found.IDs[0], nil
	}
	code := "id.ambiguous"
	if found.More {
		code = "id.ambiguous_more"
	}
	return "", catalog.Refuse(catalog.RefusedInvalid, RuleIDAmbiguous, code, typed, found.IDs)
}
