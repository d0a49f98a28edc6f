"""Parts of the HTML page: what it says, its pictures, and beside them its template, style and script."""
