"""The bias metrics of SageMaker Clarify, from counts: how a group fares beside everybody else.

All of them compare the rows of a *facet* (the group) with all other rows. Their counts are arrays whose axes are, in
this order and as far as a metric needs them: facet (0 the others, 1 the group), label and prediction (0 negative,
1 positive). They equal those of the open-source library behind Clarify, ``smclarify`` 0.5.
"""
