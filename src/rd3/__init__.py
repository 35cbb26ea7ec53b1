"""rd3: does a distilled data set carry more information than the images it was made from?"""

__version__ = "0.1.0"
