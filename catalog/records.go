package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
)

// ErrNotFound is returned when the state has no record of that name.
var ErrNotFound = errors.New("not in the catalog")

// errStop ends a Scan that has seen enough.
var errStop = errors.New("stop")

// find reads a record, or returns ErrNotFound.
func find[T any](r Reader, key string) (T, error) {
	var v T
	b, err := r.Get([]byte(key))
	if err != nil {
		return v, fmt.Errorf("read %s: %w", key, err)
	}
	if b == nil {
		return v, fmt.Errorf("%s: %w", key, ErrNotFound)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return v, fmt.Errorf("decode %s: %w", key, err)
	}
	return v, nil
}

// list reads all records with the prefix, in the order of their keys.
func list[T any](r Reader, prefix string) ([]T, error) {
	var all []T
	err := r.Scan([]byte(prefix), func(key, value []byte) error {
		var v T
		if err := json.Unmarshal(value, &v); err != nil {
			return fmt.Errorf("decode %s: %w", key, err)
		}
		all = append(all, v)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", prefix, err)
	}
	return all, nil
}

// names returns what follows the prefix in every key, in order.
func names(r Reader, prefix string) ([]string, error) {
	var all []string
	err := r.Scan([]byte(prefix), func(key, _ []byte) error {
		all = append(all, string(key[len(prefix):]))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", prefix, err)
	}
	return all, nil
}

// values returns the values under the prefix as text, in the order of their keys.
func values(r Reader, prefix string) ([]string, error) {
	var all []string
	err := r.Scan([]byte(prefix), func(_, value []byte) error {
		all = append(all, string(value))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", prefix, err)
	}
	return all, nil
}

// has reports whether the key exists.
func has(r Reader, key string) (bool, error) {
	b, err := r.Get([]byte(key))
	if err != nil {
		return false, fmt.Errorf("read %s: %w", key, err)
	}
	return b != nil, nil
}

func put(tx Tx, key string, record any) error {
	if err := tx.Set([]byte(key), encode(record)); err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return nil
}

// putName writes an index entry.
func putName(tx Tx, key, value string) error {
	if err := tx.Set([]byte(key), []byte(value)); err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return nil
}

func remove(tx Tx, key string) error {
	if err := tx.Delete([]byte(key)); err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	return nil
}

// removeAll deletes every key with the prefix that is not less than from.
func removeAll(tx Tx, prefix, from string) error {
	all, err := names(tx, prefix)
	if err != nil {
		return err
	}
	for _, name := range all {
		if key := prefix + name; key >= from {
			if err := remove(tx, key); err != nil {
				return err
			}
		}
	}
	return nil
}
