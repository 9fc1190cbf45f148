package explain

// entrySentences are of entries, envelopes and whoever signs them.
func entrySentences() map[string]sentence {
	return map[string]sentence{
		"body.unreadable": {
			"%s: %s",
			"where this program is newer than the cluster's feature level, an operator raises it once every node has the release: `weir operator upgrade status`",
		},
		"entry.short":      {"it ends too early", ""},
		"entry.signer":     {"the signer is not a name", ""},
		"entry.size":       {"%d bytes, at most %d are accepted", ""},
		"entry.time":       {"time %d is not between 0 and %d", ""},
		"entry.trailing":   {"%d bytes after the payload", ""},
		"entry.unreadable": {"the entry cannot be read: %s", ""},
		"entry.version":    {"version %d, want %d", ""},
		"envelope.cluster": {"the envelope is for cluster %.80q, this is %q", ""},
		"envelope.expired": {
			"the envelope expired %d ms ago",
			"sign it anew; if that does not help, set the clock of the machine that signs",
		},
		"envelope.issued": {
			"the envelope was issued %d ms ahead of the cluster's clock",
			"set the clock of the machine that signed it",
		},
		"envelope.kind":      {"no act is called %.80q", ""},
		"envelope.lifetime":  {"the envelope is valid for %d ms, at most %d are accepted", ""},
		"json.field_twice":   {"field %.80q occurs twice", ""},
		"json.fields":        {"an object has more than %d fields", ""},
		"json.not_object":    {"not a JSON object", ""},
		"json.not_utf8":      {"not valid UTF-8", ""},
		"json.trailing":      {"bytes after the JSON object, from byte %d on", ""},
		"json.unfit":         {"it cannot be read: it is malformed, has an unknown field, or a value of another type", ""},
		"json.unknown_field": {"unknown field %.80q", ""},
		"payload.kind":       {"%.80q does not name an act", ""},
		"payload.nonce":      {"nonce %.40q is not 32 lower-case hexadecimal digits", ""},
		"payload.time":       {"issued %d and expires %d are no period", ""},
		"payload.unreadable": {"the payload cannot be read: %s", ""},
		"payload.version":    {"version %d, want %d", ""},
		"receiving.size":     {"the receiving key has %d bytes, an MLKEM768X25519 public key has %d", ""},
		"receiving.unusable": {"nothing can be sealed to the receiving key", "make a key with weir keygen"},
		"role.node":          {"%s is not for a node", ""},
		"role.other":         {"%s is not for a %s", ""},
		"signer.no_node":     {"no node of the roster is called %.80q", ""},
		"signer.no_principal": {
			"no principal has the id %.80q",
			"ask an operator to admit its key: weir principal add",
		},
		"signer.other":     {"the payload was made by %.80q, not by %.80q", ""},
		"signer.signature": {"the signature is not that of %.80q", ""},
	}
}
