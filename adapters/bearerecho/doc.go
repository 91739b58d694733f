// Package bearerecho puts package bearer in front of echo's handlers.
//
// A refused request is answered at once, by the Refusal itself, so that the answer
// is the same under every router, whatever HTTPErrorHandler, JSONSerializer or
// middleware the application has: echo's own error handler could not write the
// empty body of RFC 6750's 401. The *bearer.Refusal is returned besides: loggers
// and the application's HTTPErrorHandler see it, on a response that is committed.
//
// An HTTPErrorHandler of the application's own MUST write nothing then, as echo's
// DefaultHTTPErrorHandler does not: what it writes would follow on the answer.
//
//	if r, _ := echo.UnwrapResponse(c.Response()); r != nil && r.Committed {
//		return
//	}
//
// One that is to write refusals itself gets them through bearer.WithErrorHandler,
// as in the example of [Middleware].
package bearerecho
