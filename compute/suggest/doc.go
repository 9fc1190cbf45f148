// Package suggest finds what somebody meant who wrote something else: the nearest name
// ([Nearest]), the sign that a look-alike stands for ([Lookalike]), the period that a date
// in another notation is ([Period]). It also measures text as terminals show it, which
// whoever points at a fault needs. All of it is pure, and knows nothing of queries.
package suggest
