// Package buyer has the commands of those who ask: queries and private portfolios.
package buyer
