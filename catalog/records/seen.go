package records

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/weirdata/weir/catalog"
)

// PruneSeen forgets outcomes of envelopes that have expired for sure at a time, at most so many.
func PruneSeen(tx Tx, now int64, most int) error {
	limit := []byte(SeenUntilKey(now, catalog.Digest{}))
	var over []string
	err := tx.Scan([]byte(PrefixSeenUntil), func(key, _ []byte) error {
		if len(over) == most || bytes.Compare(key, limit) >= 0 {
			return ErrStop
		}
		over = append(over, string(key))
		return nil
	})
	if err != nil && !errors.Is(err, ErrStop) {
		return fmt.Errorf("list expired envelopes: %w", err)
	}
	for _, key := range over {
		digest := key[strings.LastIndexByte(key, '/')+1:]
		if err := cmp.Or(Remove(tx, key), Remove(tx, PrefixSeen+digest)); err != nil {
			return err
		}
	}
	return nil
}
