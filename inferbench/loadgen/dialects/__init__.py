"""How engines are asked and what their events say, a dialect a file; and how many tokens an answer had."""
