package catalog

// words are what people are told of a refusal. Package explain has them, which imports
// this one, so that they come by way of a test from outside.
var words func(*Refusal) string

// SayWith sets what says refusals.
func SayWith(f func(*Refusal) string) { words = f }
