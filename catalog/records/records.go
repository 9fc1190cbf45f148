package records

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
)

// ErrNotFound is returned when the state has no record of that name.
var ErrNotFound = errors.New("not in the catalog")

// ErrStop ends a Scan that has seen enough.
var ErrStop = errors.New("stop")

// Find reads a record, or returns ErrNotFound.
func Find[T any](r Reader, key string) (T, error) {
	var v T
	b, err := r.Get([]byte(key))
	if err != nil {
		return v, fmt.Errorf("read %s: %w", key, err)
	}
	if b == nil {
		return v, fmt.Errorf("%s: %w", key, ErrNotFound)
	}
	return decodeRecord[T](key, b)
}

func decodeRecord[T any](key string, b []byte) (T, error) {
	var v T
	if err := json.Unmarshal(b, &v); err != nil {
		return v, fmt.Errorf("decode %s: %w", key, err)
	}
	return v, nil
}

// Lookup reads a record that may not be there: known is false then, and v zero.
func Lookup[T any](r Reader, key string) (v T, known bool, err error) {
	v, err = Find[T](r, key)
	if errors.Is(err, ErrNotFound) {
		return v, false, nil
	}
	return v, err == nil, err
}

// List reads all records with the prefix, in the order of their keys.
func List[T any](r Reader, prefix string) ([]T, error) {
	return collect(r, prefix, func(key string, value []byte) (T, error) { return decodeRecord[T](key, value) })
}

// Names returns what follows the prefix in every key, in order.
func Names(r Reader, prefix string) ([]string, error) {
	return collect(r, prefix, func(key string, _ []byte) (string, error) { return key[len(prefix):], nil })
}

// collect makes something of everything under a prefix, in the order of the keys.
func collect[T any](r Reader, prefix string, read func(key string, value []byte) (T, error)) ([]T, error) {
	var all []T
	err := r.Scan([]byte(prefix), func(key, value []byte) error {
		v, err := read(string(key), value)
		all = append(all, v)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", prefix, err)
	}
	return all, nil
}

// Has reports whether the key exists.
func Has(r Reader, key string) (bool, error) {
	b, err := r.Get([]byte(key))
	if err != nil {
		return false, fmt.Errorf("read %s: %w", key, err)
	}
	return b != nil, nil
}

// Put writes a record.
func Put(tx Tx, key string, record any) error {
	if err := tx.Set([]byte(key), catalog.Encode(record)); err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return nil
}

// PutText writes an index entry.
func PutText(tx Tx, key, value string) error {
	if err := tx.Set([]byte(key), []byte(value)); err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return nil
}

// Remove deletes a key.
func Remove(tx Tx, key string) error {
	if err := tx.Delete([]byte(key)); err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	return nil
}

// RemoveAll deletes every key with the prefix that is not less than from.
func RemoveAll(tx Tx, prefix, from string) error {
	all, err := Names(tx, prefix)
	if err != nil {
		return err
	}
	for _, name := range all {
		if key := prefix + name; key >= from {
			if err := Remove(tx, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// ListNamed reads the records whose names are the values of an index, in its order.
func ListNamed[T any](r Reader, index, prefix string) ([]T, error) {
	return listNamed(r, index, func(name string) (T, error) { return Find[T](r, prefix+name) })
}

func listNamed[T any](r Reader, index string, read func(name string) (T, error)) ([]T, error) {
	names, err := collect(r, index, func(_ string, name []byte) (string, error) { return string(name), nil })
	if err != nil {
		return nil, err
	}
	var all []T
	for _, name := range names {
		x, err := read(name)
		if err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	return all, nil
}

// FindNamed reads the record whose name is the value of an index entry; what says what it
// is.
func FindNamed[T any](r Reader, index, prefix, what string) (T, error) {
	id, err := r.Get([]byte(index))
	if err == nil && id == nil {
		err = ErrNotFound
	}
	if err != nil {
		var none T
		return none, fmt.Errorf("%s: %w", what, err)
	}
	return Find[T](r, prefix+string(id))
}

// Clock is the state's clock, Unix milliseconds; 0 before the first entry.
func Clock(r Reader) (int64, error) {
	clock, _, err := Lookup[int64](r, KeyClock)
	return clock, err
}

// KeyOf is a publisher's key, in whatever state.
func KeyOf(r Reader, publisher string) (catalog.Key, error) {
	return FindNamed[catalog.Key](r, PrefixKeyOf+publisher, PrefixKey, fmt.Sprintf("key of %.80q", publisher))
}
