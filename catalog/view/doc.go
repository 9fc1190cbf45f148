// Package view reads the state for people and nodes: one reader for each kind of thing,
// over one consistent version. It decides nothing and writes nothing.
package view
