// Package route has what the parts of a desk share: a route of its JSON API, how its input is read and its
// answer written, the problem that an error is told as, and the OpenAPI document of a list of routes. What the
// routes do stands in packages beside it, by who does it; who may call them is package desk's, which calls none
// before it has looked at the request.
//
// A route says what it does to the world (Effect): one that Changes spends, signs or changes something, and a
// desk that is read-only has it refused, whatever its method.
package route
