package seeds

// Text is a phrase in English and in Chinese.
type Text struct {
	EN string `json:"en"`
	ZH string `json:"zh"`
}
