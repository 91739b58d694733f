// Package bearergin puts package bearer in front of gin's handlers.
//
// gin.WrapH(middleware.Wrap(...)) does NOT protect what comes after it: net/http's
// middleware refuses by not calling the next handler, and gin calls it all the
// same. [Middleware] aborts the chain.
//
// A *gin.Context is not the request's context unless the engine's
// ContextWithFallback says so: bearer.FromContext finds nothing in it. Read the
// claims with [Claims], or from c.Request.Context().
package bearergin
