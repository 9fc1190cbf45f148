package tables

import "testing"

func TestNewRefusesRowsThatAreNone(t *testing.T) {
	for name, rows := range map[string][][]string{
		"cells": {{"a", "b"}, {"c"}},
		"twice": {{"a", "b"}, {"a", "c"}},
	} {
		if _, err := New([]string{"x"}, rows); err == nil {
			t.Fatalf("%s: accepted", name)
		}
	}
}
