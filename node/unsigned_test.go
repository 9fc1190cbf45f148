package node

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/vault"
)

// A founding that the operator of a seat has not signed starts no node.
func TestFoundingStartsNoNodeUntilAllOperatorsHaveSigned(t *testing.T) {
	bureau, exchange := newKey(t, "Bureau"), newKey(t, "Exchange")
	dir := t.TempDir()
	var cards []founding.Card
	for i, k := range []string{"n1", "n2"} {
		operator := bureau
		if i == 1 {
			operator = exchange
		}
		sealing := filepath.Join(dir, k+".key")
		if err := vault.NewKeyFile(sealing); err != nil {
			t.Fatal(err)
		}
		card, err := founding.Init(t.Context(), filepath.Join(dir, k), founding.SealKey{File: sealing}, founding.Card{
			ID: k, Institution: operator.Public().Name, Operator: operator.Public().Key, Addr: freeAddr(t), API: "https://" + freeAddr(t),
		})
		if err != nil {
			t.Fatal(err)
		}
		cards = append(cards, card)
	}
	public := bureau.Public()
	g, err := founding.Found(bureau.Signing(), time.Now().UnixMilli(), catalog.InitBody{Name: "test", Threshold: 2, Operator: catalog.PrincipalAdd{
		Name: public.Name, Role: catalog.RoleOperator, Key: public.Key, Receiving: public.Receiving,
	}}, cards)
	if err != nil {
		t.Fatal(err)
	}
	var missing *founding.UnsignedError
	if _, err := Open(Options{Dir: filepath.Join(dir, "n1"), SealKeyFile: filepath.Join(dir, "n1.key"), ID: "n1", Genesis: g}); !errors.As(err, &missing) {
		t.Errorf("it started a node: %v", err)
	}
}
