package tiles

// WithValueLogFileSize makes files so small that tests rotate and collect them.
func (o StoreOptions) WithValueLogFileSize(n int64) StoreOptions {
	o.valueLogFileSize = n
	return o
}
