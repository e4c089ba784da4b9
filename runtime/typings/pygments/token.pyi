class _Token:
    def __getattr__(self, name: str) -> _Token: ...

Comment: _Token
Error: _Token
Keyword: _Token
Name: _Token
Number: _Token
Operator: _Token
Punctuation: _Token
String: _Token
Whitespace: _Token
