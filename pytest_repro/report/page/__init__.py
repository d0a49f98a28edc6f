"""Parts of the HTML page: what it says (`view`), its pictures (`series`, `svg`, `heat`), its template, style and script."""
