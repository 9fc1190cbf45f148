package sql

import (
	"strings"

	"github.com/weirdata/weir/catalog"
)

// pieceWord is what pieces are written with: PIECE(name).
const pieceWord = "PIECE"

// isDimension reports whether a call is a dimension, and no aggregate.
func (v *value) isDimension() bool {
	return v.Call == nil || nameIs(v.Name.text(), "DATE_TRUNC") || isDatePart(v.Name) || nameIs(v.Name.text(), pieceWord)
}

// pieceDimension reads PIECE(name).
func (c *compiler) pieceDimension(v *value) (catalog.Dimension, *Error) {
	none, args := catalog.Dimension{}, v.Call.Args
	if len(args) != 1 || len(args[0].Rest) > 0 || args[0].First.Literal == nil || args[0].First.Call != nil {
		return none, faultAt(v.Name.Pos, v.Name.Raw, "PIECE takes the name of a private portfolio").want(pieceWord + "(name)")
	}
	n, fault := vectorName(pieceWord, args[0].First.Literal)
	if fault != nil {
		return none, fault
	}
	if c.pieces != nil && c.pieces.text() != n.text() {
		return none, faultAt(n.Pos, n.Raw, "the query groups by the pieces of %s already", c.pieces.text()).want(writable(c.pieces.text()))
	}
	c.pieces, c.piecesAt = n, v
	return catalog.Dimension{Kind: catalog.DimPiece}, nil
}

// onePartition checks that the query is within the portfolio by whose pieces it groups.
func (c *compiler) onePartition() *Error {
	if c.pieces == nil {
		return nil
	}
	condition := writable(c.entityName()) + " IN " + privateWord + "(" + writable(c.pieces.text()) + ")"
	if c.in == nil {
		return faultAt(c.piecesAt.Name.Pos, c.piecesAt.Name.Raw, "the query groups by the pieces of %s, and is not within it", c.pieces.text()).
			want("WHERE " + condition)
	}
	id, fault := c.vector(c.pieces, true)
	if fault != nil {
		return fault
	}
	if id != c.in.id || c.schema.Stand && !strings.EqualFold(c.pieces.text(), c.in.name) {
		return faultAt(c.pieces.Pos, c.pieces.Raw, "the query groups by the pieces of %s, and is within %s", c.pieces.text(), c.in.name).
			want(writable(c.in.name))
	}
	return nil
}
